import { ConfigError, type ConfigProblem } from '../../../common/config-error.js'

/** What VMs did, moment by moment. */
export interface Trace {
  /** Ascending; seconds from the first one. */
  readonly timesS: readonly number[]
  /** By moment, then by VM in the order of `vms`: what was last told. */
  readonly cores: readonly Float64Array[]
  readonly memoryBytes: readonly Float64Array[]
  readonly writeBytesS: readonly Float64Array[]
}

export const traceColumns = ['time_s', 'vm', 'cpu_cores', 'memory_bytes', 'read_bytes_s', 'write_bytes_s'] as const

const mostProblems = 20
const mostRows = 20_000_000

/**
 * Parses a table of loads: a header with the columns' names, then lines by time. A VM that a moment does not name does what it did before.
 * @param vms names; others are refused
 * @throws ConfigError naming lines, up to 20
 */
export function parseTrace(text: string, vms: readonly string[], file: string): Trace {
  const problems: ConfigProblem[] = []
  const wrong = (line: number, key: string, expected: string, got: string): void => {
    problems.push({ key, line, expected, got: got.length > 60 ? `${got.slice(0, 60)}…` : got })
    if (problems.length >= mostProblems) throw new ConfigError(file, problems)
  }
  const lines = text.split(/\r?\n/u)
  const header = lines[0]?.trim() ?? ''
  if (header !== traceColumns.join(',')) wrong(1, 'header', traceColumns.join(','), header)
  if (lines.length > mostRows) wrong(mostRows, 'the file', `at most ${mostRows} lines`, String(lines.length))
  const at = new Map(vms.map((name, index) => [name, index]))
  const timesS: number[] = []
  const cores: Float64Array[] = []
  const memoryBytes: Float64Array[] = []
  const writeBytesS: Float64Array[] = []
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line === '') continue
    const fields = line.split(',')
    const [time = NaN, cpu = 0, memory = 0, , write = 0] = [0, 2, 3, 4, 5].map((place) => {
      const value = /^\d+(\.\d+)?(e[-+]?\d+)?$/iu.test(fields[place] ?? '') ? Number(fields[place]) : NaN
      if (!(value >= 0 && value <= 1e18)) {
        wrong(index + 1, traceColumns[place] ?? '', 'a number of at least 0', fields[place] ?? 'nothing')
      }
      return value
    })
    const vm = at.get(fields[1] ?? '')
    if (vm === undefined) wrong(index + 1, 'vm', 'the name of a VM of the fleet', fields[1] ?? 'nothing')
    const last = timesS.at(-1)
    if (last !== undefined && time < last) wrong(index + 1, 'time_s', `a time not before ${last}`, String(time))
    if (problems.length > 0 || vm === undefined) continue
    if (time !== last) {
      timesS.push(time)
      for (const rows of [cores, memoryBytes, writeBytesS])
        rows.push(Float64Array.from(rows.at(-1) ?? new Float64Array(vms.length)))
    }
    const put = (rows: readonly Float64Array[], value: number): void => {
      const row = rows.at(-1)
      if (row !== undefined) row[vm] = value
    }
    put(cores, cpu)
    put(memoryBytes, memory)
    put(writeBytesS, write)
  }
  if (problems.length === 0 && timesS.length < 2)
    wrong(1, 'the file', 'lines of at least two moments', String(timesS.length))
  if (problems.length > 0) throw new ConfigError(file, problems)
  const first = timesS[0] ?? 0
  return { timesS: timesS.map((time) => time - first), cores, memoryBytes, writeBytesS }
}
