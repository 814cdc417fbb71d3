/** The standard health service (https://github.com/grpc/grpc/blob/master/doc/health-checking.md); its messages are so small that they are written out. */
import { GRPC_STATUS, type GrpcHandler, type GrpcMethods, type GrpcStream } from "./grpc.ts";

/** `HealthCheckResponse` with field 1, `status`: SERVING or NOT_SERVING. */
const SERVING = Buffer.of(0x08, 1);
const NOT_SERVING = Buffer.of(0x08, 2);
const WATCH_INTERVAL_MS = 1000;

/**
 * `Check` and `Watch` of `grpc.health.v1.Health`. The answer is for the server as a whole, whichever service is asked for.
 *
 * @param isServing Asked at every `Check`, and once a second while there is a `Watch`.
 */
export function healthMethods(isServing: () => boolean): GrpcMethods {
  const answer = () => (isServing() ? SERVING : NOT_SERVING);
  return new Map<string, (stream: GrpcStream) => GrpcHandler>([
    [
      "/grpc.health.v1.Health/Check",
      (stream) => ({
        onMessage: () => {
          stream.send(answer());
          stream.end(GRPC_STATUS.ok);
        },
        onEnd: () => stream.end(GRPC_STATUS.invalidArgument, "a call without a message"),
        onClose: () => undefined,
      }),
    ],
    [
      "/grpc.health.v1.Health/Watch",
      (stream) => {
        let told: Buffer | undefined;
        const tell = () => {
          const now = answer();
          if (now !== told) stream.send(now);
          told = now;
        };
        let timer: NodeJS.Timeout | undefined;
        return {
          onMessage: () => {
            tell();
            timer ??= setInterval(tell, WATCH_INTERVAL_MS).unref();
          },
          onEnd: () => undefined,
          onClose: () => clearInterval(timer),
        };
      },
    ],
  ]);
}
