/** What counts tokens for callers of vLLM's tokenizer, at vendors that count for conversations. */
import type { HeaderMap } from "../../wire/headers.ts";
import type { VendorError } from "../conversation/answer.ts";
import type { BackendRequest, BackendTarget } from "../conversation/codec.ts";
import type { Conversation } from "../conversation/conversation.ts";
import type { Losses } from "../conversation/losses.ts";

/** A backend's counting of tokens. Stateless. */
export interface TokenizeCodec {
  /** Writes a request that asks how many tokens a conversation has. Throws GatewayError `untranslatable`. */
  writeRequest(conversation: Conversation, target: BackendTarget, losses: Losses): BackendRequest;
  /** The member of the answer that has the count. */
  readonly count: string;
  /** A non-2xx answer, whatever its body is. */
  readError(status: number, headers: HeaderMap, body: Uint8Array): VendorError;
}
