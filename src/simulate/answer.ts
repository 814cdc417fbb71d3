/** The simulated model: turns a prompt into an answer that depends on nothing but the prompt and the behaviour. */
import type { Behaviour } from "./behaviour.ts";
import type { UsageShape } from "./faults.ts";
import { countTokens, type Prompt, simulateArguments } from "./prompt.ts";

/** A call of one of the caller's tools. */
export interface ToolCall {
  readonly name: string;
  /** Its arguments as JSON text. */
  readonly argumentsJson: string;
}

/** Token counts in no vendor's convention: input includes cached and cache-creation tokens, output includes reasoning. */
export interface SimulatedUsage {
  readonly input: number;
  readonly cached: number;
  readonly cacheCreation: number;
  readonly output: number;
  readonly reasoning: number;
}

/** Everything the renderers of the vendors' shapes need. */
export interface Answer {
  /** Number of the request; ids are made from it. */
  readonly serial: number;
  /** Unix seconds. */
  readonly created: number;
  /** The model as answered. */
  readonly model: string;
  readonly text: string;
  /** What was thought before, undefined = it is not to be told. */
  readonly thinking: string | undefined;
  /** The text cut into the chunks of a stream. */
  readonly pieces: readonly string[];
  readonly toolCall: ToolCall | undefined;
  readonly usage: SimulatedUsage;
  readonly usageShape: UsageShape;
  readonly includeUsage: boolean;
}

const QUOTE_CHARACTERS_MAX = 200;
const FILLER = " and so on, as simulated answers do";

/** Answers a prompt. */
export function answerPrompt(
  prompt: Prompt,
  behaviour: Behaviour,
  context: { serial: number; created: number; usageShape: UsageShape },
): Answer {
  const call = prompt.toolToCall;
  const text = call === undefined ? fit(sayText(prompt), behaviour) : "";
  const toolCall = call && { name: call.name, argumentsJson: JSON.stringify(simulateArguments(call.schema)) };
  const thinking = prompt.thinks ? thinkText(prompt) : undefined;
  const said = countTokens(toolCall?.argumentsJson ?? text);
  const reasoning = countTokens(thinking ?? "") + behaviour.reasoningTokens;
  return {
    ...context,
    model: behaviour.answerModel ?? prompt.model,
    text,
    thinking,
    pieces: cut(text, behaviour.chunks),
    toolCall,
    includeUsage: prompt.includeUsage,
    usage: {
      input: countTokens(prompt.text) + behaviour.cachedTokens + behaviour.cacheCreationTokens,
      cached: behaviour.cachedTokens,
      cacheCreation: behaviour.cacheCreationTokens,
      output: said + reasoning,
      reasoning,
    },
  };
}

function sayText(prompt: Prompt): string {
  const quote = prompt.lastText.slice(0, QUOTE_CHARACTERS_MAX).toWellFormed();
  const lead = "This is a simulated answer; no model was asked.";
  return prompt.lastIsToolResult ? `${lead} The tool said: ${quote}` : `${lead} You said: ${quote}`;
}

function thinkText(prompt: Prompt): string {
  return `Simulated thinking about: ${prompt.lastText.slice(0, QUOTE_CHARACTERS_MAX).toWellFormed()}`;
}

/** Makes the text as long as the behaviour asks for: four bytes a token, and at least four characters a chunk. */
function fit(text: string, behaviour: Behaviour): string {
  const { tokens, chunks } = behaviour;
  if (tokens === undefined) return text.padEnd(4 * (chunks ?? 0), FILLER);
  // Only ASCII can be cut to a number of bytes without breaking a character.
  const bytes = 4 * tokens;
  return text
    .replace(/[^ -~]/g, "?")
    .slice(0, bytes)
    .padEnd(bytes, FILLER);
}

/** Cuts the text into equal pieces, or into its words with the space before them. */
function cut(text: string, chunks: number | undefined): string[] {
  if (chunks === undefined) return text.match(/\s*\S+|\s+$/g) ?? [];
  const characters = Array.from(text);
  const pieces: string[] = [];
  for (let i = 0; i < chunks; i++) {
    const start = Math.floor((i * characters.length) / chunks);
    const end = Math.floor(((i + 1) * characters.length) / chunks);
    pieces.push(characters.slice(start, end).join(""));
  }
  return pieces;
}
