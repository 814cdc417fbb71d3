import { RE2JS } from "@bufbuild/re2";

/** Why a text is no RE2 regular expression (https://github.com/google/re2/wiki/Syntax); undefined when it is one. */
export function regexFault(source: string): string | undefined {
  try {
    new RE2JS(source);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
