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

/** Lists of hostnames as one; every host in one of them is every host. */
export function unitedHostnames(lists: readonly (readonly string[])[]): readonly string[] {
  return lists.some((hostnames) => hostnames.length === 0) ? [] : [...new Set(lists.flat())];
}

/** Whether every host of `inner` is one of `outer`; `*` stands for one label or more. */
function covers(outer: string, inner: string): boolean {
  if (outer === inner) return true;
  return outer.startsWith("*.") && inner.endsWith(outer.slice(1));
}
