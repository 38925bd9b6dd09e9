/** One thing that is wrong in a configuration: which key, where, what was expected and what stood there. */
export interface ConfigProblem {
  readonly key: string
  readonly line: number | undefined
  readonly expected: string
  readonly got: string
}

const mostShown = 50

/** `policy.yaml:3: hosts.0.role: expected …, got …`. */
export function problemText(file: string, { key, line, expected, got }: ConfigProblem): string {
  const where = line === undefined ? file : `${file}:${line}`
  return `${where}: ${key === '' ? 'the file' : key}: expected ${expected}, got ${got}`
}

/** A configuration that cannot be used. Lists every problem, not only the first. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  constructor(
    readonly file: string,
    readonly problems: readonly ConfigProblem[],
  ) {
    const more = problems.length - mostShown
    super(
      problems
        .slice(0, mostShown)
        .map((problem) => problemText(file, problem))
        .concat(more > 0 ? [`${file}: and ${more} problems more`] : [])
        .join('\n'),
    )
  }
}
