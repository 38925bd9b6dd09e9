import { ConfigError, type ConfigProblem } from '../../../common/config-error.js'

/** Load of one VM, as `hbal -U` reads it: any unit, the same for all VMs. */
export interface Utilisation {
  readonly cpu: number
  readonly memory: number
  readonly disk: number
  readonly network: number
}

/**
 * Parses lines of `name cpu mem disk net`.
 * @param names those that there are
 * @throws ConfigError naming every problem with its line
 */
export function parseUtilisation(
  text: string,
  names: ReadonlySet<string>,
  file: string,
): ReadonlyMap<string, Utilisation> {
  const problems: ConfigProblem[] = []
  const loads = new Map<string, Utilisation>()
  for (const [index, content] of text.split('\n').entries()) {
    if (content.trim() === '') continue
    const wrong = (key: string, expected: string, got: string): number =>
      problems.push({ key, line: index + 1, expected, got })
    const [name = '', ...figures] = content.trim().split(/\s+/)
    if (!names.has(name)) wrong('name', 'the name of a VM', name)
    if (figures.length !== 4) wrong('load', 'name cpu mem disk net', content.slice(0, 60))
    const [cpu = 1, memory = 1, disk = 1, network = 1] = figures.map((figure, at) => {
      const value = /^\d+(\.\d+)?(e[-+]?\d+)?$/i.test(figure) ? Number(figure) : NaN
      if (value >= 0 && value <= 1e12) return value
      wrong(['cpu', 'mem', 'disk', 'net'][at] ?? 'load', 'a number of at least 0', figure)
      return 0
    })
    loads.set(name, { cpu, memory, disk, network })
  }
  if (problems.length > 0) throw new ConfigError(file, problems)
  return loads
}
