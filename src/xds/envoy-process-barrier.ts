/** Knowing that every worker thread of an Envoy has a change, not only its main thread, which acknowledges it. */
import type { ListenerJson } from "../gen/envoy/config/listener/v3/listener_pb.ts";

/** A loopback address nobody listens on; no listener may have the address of another one, even of those that do not bind. */
const ADDRESS = "127.255.255.254";
const PORTS = 65_535;

/**
 * A listener that takes no connections. Threads are told of changes in order and Envoy counts them as they add a listener
 * (`listener_manager.listener_create_success`,
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/stats): when all have added this one, all have what was
 * acknowledged before it.
 *
 * @param turn Different each time.
 */
export function barrierListener(turn: number): ListenerJson {
  return {
    name: `aigw-barrier/${turn}`,
    address: { socketAddress: { address: ADDRESS, portValue: 1 + (turn % PORTS) } },
    bindToPort: false,
    filterChains: [{}],
  };
}
