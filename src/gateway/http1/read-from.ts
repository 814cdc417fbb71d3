import type { Socket } from "node:net";
import { readAccepted } from "../../wire/accepted-socket.ts";
import type { Http1Connection } from "./connection.ts";

/** One for all connections: a read fills it and is taken out of it before the next. */
const SHARED_READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024);

/** Makes a connection of a socket and lets it read: big bodies straight into their place, the rest into shared memory. */
export function readFrom(accepted: Socket, connect: (socket: Socket) => Http1Connection): Http1Connection {
  const shared = SHARED_READ_BUFFER;
  let connection: Http1Connection | undefined;
  let target: Buffer = shared;
  const socket = readAccepted(accepted, {
    buffer: () => {
      target = connection?.room() ?? shared;
      return target;
    },
    read: (length) => {
      if (target === shared) connection?.read(shared.subarray(0, length));
      else connection?.readInto(length);
    },
  });
  connection = connect(socket ?? accepted);
  if (socket === undefined) accepted.on("data", (bytes: Buffer) => connection?.read(bytes));
  return connection;
}
