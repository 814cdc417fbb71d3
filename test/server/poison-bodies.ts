/**
 * Loaded into every gateway that the suites start: the memory of a request's body is written over as soon as it is given
 * back. Whoever still looked at it would be seen to, here by its provider and its caller, elsewhere by a stranger.
 */
import { BODY_MEMORY } from "../../src/wire/buffer-pool.ts";

const release = BODY_MEMORY.release.bind(BODY_MEMORY);
BODY_MEMORY.release = (buffer) => {
  buffer.fill("poison ");
  release(buffer);
};
