import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Listener, ListenerCertificate } from "../config/runtime-config.ts";
import { Secret } from "../config/secret.ts";
import type { HttpConnectionManagerJson } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { envoyResources } from "./resources.ts";
import { TEST_OPTIONS, testConfig } from "./test-config.ts";

function certificate(hostname: string | undefined): ListenerCertificate {
  return { hostname, chain: `chain of ${hostname}`, key: new Secret(`key of ${hostname}`) };
}

function resourcesOf(changes: Partial<Listener>, options = TEST_OPTIONS) {
  return envoyResources(testConfig([], changes), options);
}

function listenerOf(changes: Partial<Listener>, name = "http") {
  const found = resourcesOf(changes).listeners.get(name);
  assert.ok(found);
  return found;
}

function managerOf(changes: Partial<Listener>, options = TEST_OPTIONS): HttpConnectionManagerJson {
  const [chain] = resourcesOf(changes, options).listeners.get("http")?.filterChains ?? [];
  return chain?.filters?.[0]?.typedConfig as HttpConnectionManagerJson;
}

describe("a listener", () => {
  it("listens on its own port, or on the one it is told", () => {
    const portOf = (portOverride: number | undefined) =>
      resourcesOf({}, { ...TEST_OPTIONS, portOverride }).listeners.get("http")?.address?.socketAddress?.portValue;
    assert.equal(portOf(undefined), 1975);
    assert.equal(portOf(0), 0);
  });

  it("holds whole bodies up to its limit, and answers of the usual size where that is small", () => {
    const mebibyte = 1024 * 1024;
    assert.equal(listenerOf({ bodyBytesMax: 10 }).perConnectionBufferLimitBytes, 64 * mebibyte);
    assert.equal(listenerOf({ bodyBytesMax: 200 * mebibyte }).perConnectionBufferLimitBytes, 200 * mebibyte);
    assert.equal(
      managerOf({ bodyBytesMax: 200 * mebibyte }).http2ProtocolOptions?.initialStreamWindowSize,
      200 * mebibyte,
    );
  });

  it("passes a request to the processor, then to the rate limits if there are any, then on", () => {
    const namesOf = (options: typeof TEST_OPTIONS) => managerOf({}, options).httpFilters?.map(({ name }) => name);
    assert.deepEqual(namesOf(TEST_OPTIONS), ["envoy.filters.http.ext_proc/aigateway", "envoy.filters.http.router"]);
    const rateLimitService = { host: "limits.test", port: 8081, timeoutMs: 100, denyOnFailure: false };
    assert.deepEqual(namesOf({ ...TEST_OPTIONS, rateLimitService }), [
      "envoy.filters.http.ext_proc/aigateway",
      "envoy.filters.http.ratelimit",
      "envoy.filters.http.router",
    ]);
    assert.ok(envoyResources(testConfig([]), { ...TEST_OPTIONS, rateLimitService }).clusters.has("aigw-rate-limit"));
  });

  it("tells the processor which listener and which role it is asked in", () => {
    const [processor] = managerOf({}).httpFilters ?? [];
    const config = processor?.typedConfig as { grpcService: { initialMetadata: object[] } };
    assert.deepEqual(config.grpcService.initialMetadata, [
      { key: "x-aigw-role", value: "router" },
      { key: "x-aigw-listener", value: "http" },
    ]);
  });

  it("takes the address of the connection for the caller's, whatever headers say", () => {
    const { useRemoteAddress, xffNumTrustedHops } = managerOf({});
    assert.deepEqual({ useRemoteAddress, xffNumTrustedHops }, { useRemoteAddress: true, xffNumTrustedHops: 0 });
  });

  it("finds its routes by name", () => {
    assert.equal(managerOf({}).rds?.routeConfigName, "http");
    assert.deepEqual([...resourcesOf({}).routes.keys()], ["http"]);
  });

  it("answers for Envoy in the caller's dialect, but never for the processor", () => {
    const mappers = managerOf({}).localReplyConfig?.mappers ?? [];
    const bodies = mappers.map(({ bodyFormatOverride }) => bodyFormatOverride?.textFormatSource?.inlineString);
    assert.ok(
      bodies.includes(
        '{"type":"error","error":{"type":"BadRequest","code":"400","message":"malformed request: not valid HTTP"}}',
      ),
    );
    assert.ok(
      bodies.includes(
        '{"type":"error","error":{"type":"request_too_large","message":"the request body is larger than this gateway takes"},"request_id":"%UNIQUE_ID%"}',
      ),
    );
    for (const { filter } of mappers) assert.match(JSON.stringify(filter), /response\.code_details/);
  });
});

describe("a listener with TLS", () => {
  const tls = { certificates: [certificate("a.test"), certificate("*.b.test"), certificate("a.test")] };

  it("presents a certificate by server name, and the first to everybody else", () => {
    const { filterChains, defaultFilterChain } = listenerOf({ tls });
    assert.deepEqual(
      filterChains?.map(({ filterChainMatch }) => filterChainMatch?.serverNames),
      [["a.test"], ["*.b.test"]],
    );
    assert.match(JSON.stringify(defaultFilterChain?.transportSocket), /"name":"http\/a\.test"/);
  });

  it("presents the certificate for every name to everybody else, where there is one", () => {
    const { filterChains, defaultFilterChain } = listenerOf({
      tls: { certificates: [certificate("a.test"), certificate(undefined)] },
    });
    assert.equal(filterChains?.length, 1);
    assert.match(JSON.stringify(defaultFilterChain?.transportSocket), /"name":"http\/any"/);
  });

  it("keeps keys out of everything but the secrets", () => {
    const { listeners, secrets } = resourcesOf({ tls });
    assert.doesNotMatch(JSON.stringify([...listeners]), /key of/);
    assert.deepEqual(secrets.get("http/a.test")?.tlsCertificate, {
      certificateChain: { inlineString: "chain of a.test" },
      privateKey: { inlineString: "key of a.test" },
    });
    assert.deepEqual([...secrets.keys()], ["http/a.test", "http/*.b.test"]);
  });

  it("serves HTTP/3 beside it where asked to, and says so", () => {
    const { listeners } = resourcesOf({ tls, http3: true });
    assert.deepEqual([...listeners.keys()], ["http", "http/quic"]);
    const quic = listeners.get("http/quic");
    assert.equal(quic?.address?.socketAddress?.protocol, "UDP");
    // What Envoy can read of datagrams that the kernel has joined.
    assert.equal(quic?.udpListenerConfig?.downstreamSocketConfig?.preferGro, true);
    assert.match(JSON.stringify(listeners.get("http")), /h3=/);
    assert.doesNotMatch(JSON.stringify(listenerOf({ tls })), /h3=/);
  });

  it("serves no HTTP/3 in clear text", () => {
    assert.deepEqual([...resourcesOf({ http3: true }).listeners.keys()], ["http"]);
  });
});
