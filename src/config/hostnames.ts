/**
 * The hostnames that a route and a listener share (Gateway API, HTTPRouteSpec.hostnames): undefined when they share
 * none, an empty list when both take every host.
 */
export function sharedHostnames(
  ofRoute: readonly string[],
  ofListener: string | undefined,
): readonly string[] | undefined {
  if (ofListener === undefined) return ofRoute;
  if (ofRoute.length === 0) return [ofListener];
  const shared = ofRoute.flatMap((hostname) => {
    if (covers(ofListener, hostname)) return [hostname];
    return covers(hostname, ofListener) ? [ofListener] : [];
  });
  return shared.length === 0 ? undefined : [...new Set(shared)];
}

/** Whether every host of `inner` is one of `outer`; `*` stands for one label or more. */
function covers(outer: string, inner: string): boolean {
  if (outer === inner) return true;
  return outer.startsWith("*.") && inner.endsWith(outer.slice(1));
}
