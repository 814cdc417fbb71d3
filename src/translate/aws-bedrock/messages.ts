import type {
  CachePointMember,
  ContentBlock,
  ConverseMessage,
  MediaBlock,
  ReasoningContent,
  SystemContentBlock,
  ToolResultBlock,
} from "../../apischema/aws-bedrock/converse.ts";
import type {
  AssistantPart,
  CacheControl,
  TextPart,
  ThinkingPart,
  ToolCallPart,
  ToolResultPart,
  Turn,
  UserPart,
} from "../conversation/conversation.ts";
import { type Losses, untranslatable } from "../conversation/losses.ts";
import { isRecord, type JsonRecord } from "../conversation/read.ts";
import { MediaWriter } from "./media.ts";

/** Writes instructions. */
export function writeSystem(system: readonly TextPart[]): readonly SystemContentBlock[] {
  return system.flatMap(({ text, cache }) => [...writeText(text), ...cachePoint(cache)]);
}

/** A cache point as an element of its own, behind what it is about; none where nothing is to be cached. */
export function cachePoint(cache: CacheControl | undefined): readonly CachePointMember[] {
  if (cache === undefined) return [];
  // Five minutes is what every model that caches does unasked; some know no `ttl`.
  return [{ cachePoint: cache.ttl === "1h" ? { type: "default", ttl: "1h" } : { type: "default" } }];
}

/**
 * Writes the turns so that roles alternate, which Bedrock demands: turns of one role become one message, and what has no
 * content becomes none.
 *
 * @param needsSignatures Whether thinking without a signature must be left out.
 */
export function writeMessages(
  turns: readonly Turn[],
  needsSignatures: boolean,
  losses: Losses,
): readonly ConverseMessage[] {
  const writer = new TurnWriter(needsSignatures, losses);
  const messages: { role: ConverseMessage["role"]; content: ContentBlock[] }[] = [];
  for (const turn of turns) {
    const content =
      turn.role === "user"
        ? turn.parts.flatMap((part) => writer.user(part))
        : turn.parts.flatMap((part) => writer.assistant(part));
    const last = messages.at(-1);
    if (content.length === 0) continue;
    if (last?.role === turn.role) last.content.push(...content);
    else messages.push({ role: turn.role, content });
  }
  return messages;
}

class TurnWriter {
  readonly #media: MediaWriter;
  readonly #needsSignatures: boolean;
  readonly #losses: Losses;

  constructor(needsSignatures: boolean, losses: Losses) {
    this.#needsSignatures = needsSignatures;
    this.#losses = losses;
    this.#media = new MediaWriter(losses);
  }

  user(part: UserPart): readonly ContentBlock[] {
    if (part.type === "tool-result") return this.#toolResult(part);
    return [...this.#content(part), ...cachePoint(part.cache)];
  }

  assistant(part: AssistantPart): readonly ContentBlock[] {
    switch (part.type) {
      case "text":
        return [...writeText(part.text), ...cachePoint(part.cache)];
      case "refusal":
        return writeText(part.text);
      case "thinking":
        return [...this.#reasoning(part), ...cachePoint(part.cache)];
      case "redacted-thinking":
        return [reasoning({ redactedContent: Buffer.from(part.data).toString("base64") })];
      case "tool-call":
        return [writeToolUse(part, this.#losses), ...cachePoint(part.cache)];
      default:
        // "You can only include images and documents if the role is user", says the page of Message.
        this.#losses.dropIn(part);
        return [];
    }
  }

  #content(part: Exclude<UserPart, ToolResultPart>): readonly ({ readonly text: string } | MediaBlock)[] {
    if (part.type === "text") return writeText(part.text);
    if (part.detail !== undefined && part.detail !== "auto") this.#losses.dropIn(part, "media.detail");
    return [this.#media.write(part)];
  }

  #toolResult({ id, parts, isError, cache }: ToolResultPart): readonly ContentBlock[] {
    const toolResult: ToolResultBlock = {
      content: parts.flatMap((part) => this.#content(part)),
      status: isError ? "error" : undefined,
      toolUseId: id,
    };
    // There are no cache points inside of a result.
    return [{ toolResult }, ...cachePoint(cache ?? parts.findLast((part) => part.cache !== undefined)?.cache)];
  }

  #reasoning(part: ThinkingPart): readonly ContentBlock[] {
    const { text, signature } = part;
    if (signature === undefined && this.#needsSignatures) {
      this.#losses.dropIn(part);
      return [];
    }
    return [reasoning({ reasoningText: { text, signature } })];
  }
}

/** Bedrock refuses blank text wherever it stands. */
function writeText(text: string): readonly { readonly text: string }[] {
  return text.trim() === "" ? [] : [{ text }];
}

function reasoning(reasoningContent: ReasoningContent): ContentBlock {
  return { reasoningContent };
}

function writeToolUse(call: ToolCallPart, losses: Losses): ContentBlock {
  const { id, name } = call;
  if (id === "")
    throw untranslatable(losses.pathIn(call, "tool-call.id"), `the call of ${JSON.stringify(name)} has no id`);
  return { toolUse: { name, input: readArguments(call, losses), toolUseId: id } };
}

function readArguments(call: ToolCallPart, losses: Losses): JsonRecord {
  const { name, arguments: given } = call;
  if (given.trim() === "") return {};
  try {
    const input: unknown = JSON.parse(given);
    if (isRecord(input)) return input;
  } catch {
    // Told as any other value that is no object.
  }
  throw untranslatable(
    losses.pathIn(call, "tool-call.arguments"),
    `the arguments of ${JSON.stringify(name)} are not a JSON object`,
  );
}
