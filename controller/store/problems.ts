/** Several problems as one line: each once, in their order; empty where there is none. */
export function inOneLine(problems: readonly string[]): string {
  return [...new Set(problems)].filter((problem) => problem !== '').join('; ')
}
