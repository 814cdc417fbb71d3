/** Signature Version 4 of AWS's own library, which tests hold ours against. */
import { createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";

/** What is signed with. */
export interface SignerIdentity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A signer for Bedrock that signs the headers it is given and those of its own. */
export function awsSigner(credentials: SignerIdentity, region: string): SignatureV4 {
  return new SignatureV4({ service: "bedrock", region, credentials, sha256: Sha256, applyChecksum: false });
}

type Data = string | ArrayBuffer | ArrayBufferView;

/** The hash that the library wants. */
class Sha256 {
  readonly #hash;

  constructor(key?: Data) {
    this.#hash = key === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(key));
  }

  update(data: Data): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error("not asked for");
  }
}

function bytesOf(data: Data): Buffer {
  if (typeof data === "string") return Buffer.from(data);
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
}
