/** Version of this build; `dev` when the sources run unbundled. */
export const VERSION: string = process.env["AIGW_BUILD_VERSION"] ?? "dev";
