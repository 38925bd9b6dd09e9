/** One thing that is wrong in a configuration: which key, where, what was expected and what stood there. */
export interface ConfigProblem {
  readonly key: string
  readonly line: number | undefined
  readonly expected: string
  readonly got: string
}

/** A configuration that cannot be used. Lists every problem, not only the first. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  constructor(
    readonly file: string,
    readonly problems: readonly ConfigProblem[],
  ) {
    super(
      problems
        .map(({ key, line, expected, got }) => {
          const where = line === undefined ? file : `${file}:${line}`
          return `${where}: ${key === '' ? 'the file' : key}: expected ${expected}, got ${got}`
        })
        .join('\n'),
    )
  }
}
