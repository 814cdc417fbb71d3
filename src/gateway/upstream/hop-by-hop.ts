/** Headers that are about one connection and end at it (RFC 9110 section 7.6.1). */

/** Whether a header of an answer is for us alone; `name` is lower case. */
export function isHopByHop(name: string): boolean {
  // By length first: comparing is cheap where a set would hash every name of every answer.
  switch (name.length) {
    case 2:
      return name === "te";
    case 7:
      return name === "trailer" || name === "upgrade";
    case 10:
      return name === "connection" || name === "keep-alive";
    case 17:
      return name === "transfer-encoding";
    default:
      return name.startsWith("proxy-");
  }
}
