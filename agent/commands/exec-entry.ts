import { quantityOf } from '../../common/verbs.js'
import type { VmNow } from '../hypervisor/hypervisor.js'

/** A program that the owner of the agent lets commands run, out of the agent's configuration. */
export interface ExecEntry {
  readonly name: string
  /** An absolute path. */
  readonly program: string
  readonly arguments: readonly ExecArgument[]
  readonly timeoutMs: number
  /** It reads or writes much: one that waits for its turn at the VM's array. */
  readonly isBulk: boolean
}

/** A fixed text, one of whoever asks that matches as a whole, or what the hypervisor says of the VM. */
export type ExecArgument =
  | string
  | { readonly matches: RegExp }
  | { readonly vm: 'name' | 'uuid' }
  /** What it is to keep to a second, in that unit, rounded down; where it was given no rate the argument before it goes with it. */
  | { readonly rate: keyof typeof rateUnits }

export const rateUnits = { bytes: 1, KiB: 1024, MiB: 1024 * 1024 } as const

/** What a command may give; enough for the patterns of an entry. */
export const givenArguments = ['arg1', 'arg2', 'arg3', 'arg4'] as const

/** Names of VMs come from whoever defines them: others than these might mean something else to a program. */
const plainName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/** The arguments with which the program is run, or why it is not. No shell sees them. */
export function argumentsOf(
  entry: ExecEntry,
  args: Readonly<Record<string, string>>,
  vm: Pick<VmNow, 'uuid' | 'name'>,
): { readonly words: readonly string[] } | { readonly refusal: string } {
  const given = givenArguments.flatMap((key) => args[key] ?? [])
  const patterns = entry.arguments.flatMap((argument) =>
    typeof argument === 'object' && 'matches' in argument ? [argument.matches] : [],
  )
  if (given.length !== patterns.length)
    return { refusal: `${entry.name} takes ${patterns.length} arguments, not ${given.length}` }
  const unfit = given.findIndex((text, index) => !isFit(text, patterns[index]))
  if (unfit >= 0) return { refusal: `argument ${unfit + 1} of ${entry.name} does not match ${patterns[unfit]?.source}` }
  const usesName = entry.arguments.some((one) => typeof one === 'object' && 'vm' in one && one.vm === 'name')
  if (usesName && !plainName.test(vm.name)) return { refusal: 'the name of the VM is none that a program can be given' }
  const bytesPerSecond = quantityOf('exec', args, 'rate')
  let next = 0
  const words = entry.arguments.flatMap((argument, index) => {
    const following = entry.arguments[index + 1]
    const isOfRate = typeof following === 'object' && 'rate' in following
    if (typeof argument === 'string') return isOfRate && bytesPerSecond === undefined ? [] : argument
    if ('vm' in argument) return vm[argument.vm]
    if ('rate' in argument) return rateWord(bytesPerSecond, rateUnits[argument.rate])
    next += 1
    return given[next - 1] ?? ''
  })
  return { words }
}

/** Never 0, which many programs take for no limit. */
function rateWord(bytesPerSecond: number | undefined, unit: number): readonly string[] {
  return bytesPerSecond === undefined ? [] : [String(Math.max(1, Math.floor(bytesPerSecond / unit)))]
}

/** Whatever the pattern lets through, nothing is given that a program would take for an option, and no control character. */
function isFit(text: string, pattern: RegExp | undefined): boolean {
  return pattern !== undefined && !text.startsWith('-') && !/\p{Cc}/u.test(text) && pattern.test(text)
}

/** A pattern of the configuration, which has to match the whole of a text. @throws SyntaxError if it is none */
export function wholePattern(source: string): RegExp {
  return new RegExp(`^(?:${source})$`, 'u')
}
