/** What Envoy's configuration and our external processor call things between them. */

/** Request header that names the rule the processor has chosen, by its key. */
export const ROUTE_HEADER = "x-ai-eg-route";

/** Namespace of what the processor says about a request while it is served. */
export const DYNAMIC_METADATA = "io.envoy.ai_gateway";
/** Metadata key that says, as 1, that a request has its record: Envoy's access log need not tell of it. */
export const SETTLED_KEY = "settled";

/** Namespace of what the configuration says about routes and endpoints. */
export const STATIC_METADATA = "aigateway.envoy.io";
/** Key under which an endpoint says which backendRef it belongs to. */
export const BACKEND_KEY = "per_route_rule_backend_name";

/** Attribute that names the backend Envoy has chosen
 * (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes). */
export const BACKEND_ATTRIBUTE = `xds.upstream_host_metadata.filter_metadata['${STATIC_METADATA}']['${BACKEND_KEY}']`;
/** Attribute that tells the caller's address, with its port. */
export const ADDRESS_ATTRIBUTE = "source.address";
/** Attribute that says why an answer is what it is. */
export const DETAILS_ATTRIBUTE = "response.code_details";
/** Attribute that says how often the request was sent to an upstream. */
export const ATTEMPTS_ATTRIBUTE = "upstream.request_attempt_count";

/** Header of Envoy's calls that says in which role it asks: `router` or `upstream`. */
export const ROLE_HEADER = "x-aigw-role";
/** Header of Envoy's calls that names the listener a request came in on. */
export const LISTENER_HEADER = "x-aigw-listener";
