/** Installs an HTTP/3 client (https://github.com/jawah/qh3, wheels only) into a private virtual environment, unless it is there already. */
import { pythonWith } from "./python-environment.ts";

/** Of the wheels for Linux on x86-64 and on Arm, and for macOS. */
const HASHES = [
  "1808e123760e78482948b8e6bf5547a8a91637573b89caf165ffe948850d2ba5",
  "b66c2ff3d8c5bad514f7f9362e0c9e3e4664209db5c0167278f1d90918bbd12b",
  "94412f03ec7b2d27e9f238404de0ab0a293ef4eb172ce1e6f6f6fd11ab857e58",
];

/** Makes the environment and returns its Python; rejects with what is missing. */
export function installHttp3Client(): Promise<string> {
  return pythonWith({ name: "qh3", version: "2.1.0", hashes: HASHES });
}
