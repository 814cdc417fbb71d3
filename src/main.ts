/** Entry of every process: a worker of `aigw run`, or the command line. */
import cluster from "node:cluster";

if (cluster.isWorker) {
  const { serveAsWorker } = await import("./cli/run/worker-process.ts");
  serveAsWorker();
} else {
  const { main } = await import("./cli/main.ts");
  await main(process.argv);
}
