import { KeySet } from "../wire/json-scan.ts";
import type { Endpoint } from "./endpoint.ts";
import { type FormRules, parseForm } from "./parse-form.ts";
import { type BodyRules, isMultipart, parseRequest } from "./parse-request.ts";

const GENERATIONS: BodyRules = {
  suffix: "/v1/images/generations",
  keys: new KeySet(["model", "stream"]),
  streams: true,
  output: { caps: [], copies: [] },
};
const EDITS: BodyRules = { ...GENERATIONS, suffix: "/v1/images/edits" };
const EDITS_FORM: FormRules = { path: "/v1/images/edits", required: ["model"], streams: true };

/** Images from a prompt: https://platform.openai.com/docs/api-reference/images/create */
export const IMAGES_GENERATIONS: Endpoint = {
  name: "images-generations",
  operation: "image_generation",
  paths: ["/v1/images/generations"],
  method: "POST",
  dialect: "openai",
  metering: "tokens",
  holdsMedia: true,
  parse: (body, contentType) => parseRequest(GENERATIONS, body, contentType),
};

/** Images from images, uploaded or (as JSON) named: https://platform.openai.com/docs/api-reference/images/createEdit */
export const IMAGES_EDITS: Endpoint = {
  ...IMAGES_GENERATIONS,
  name: "images-edits",
  operation: "image_edit",
  paths: ["/v1/images/edits"],
  parse: (body, contentType) =>
    contentType !== undefined && isMultipart(contentType)
      ? parseForm(EDITS_FORM, body, contentType)
      : parseRequest(EDITS, body, contentType),
};
