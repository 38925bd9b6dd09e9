import { z } from 'zod'

import type { Problem } from '../../controller/planner/problem.js'

/** Of what cannot be solved the value is infinite, which is no number to zod. */
const solution = z.object({ Status: z.string(), ObjectiveValue: z.unknown() })
const solver = z.object({ solve: z.custom<(problem: string) => unknown>((value) => typeof value === 'function') })
const loader = z.object({ default: z.custom<() => Promise<unknown>>((value) => typeof value === 'function') })

let loaded: Promise<z.output<typeof solver>> | undefined

/** HiGHS, compiled to WebAssembly: a package for tests alone, so that it is checked here and not by its types. */
async function highs(): Promise<z.output<typeof solver>> {
  const name = 'highs'
  const { default: load } = loader.parse(await import(name))
  return solver.parse(await load())
}

/**
 * The lowest sum of the highest shares of each dimension (by their weights of peaks) that any placement within limits, ways and sets apart has,
 * whatever the order of moves. Of deviations and other penalties it knows nothing.
 * @returns undefined: no placement keeps all of them
 */
export async function exactOptimum(problem: Problem): Promise<number | undefined> {
  loaded ??= highs()
  const { solve } = await loaded
  const { Status, ObjectiveValue } = solution.parse(solve(programOf(problem)))
  if (Status === 'Infeasible') return undefined
  if (Status !== 'Optimal' || typeof ObjectiveValue !== 'number') throw new Error(`the solver ended with ${Status}`)
  return ObjectiveValue
}

/** In the LP format of CPLEX: x of a VM on a host is 0 or 1, z of a dimension is at least each host's share. */
function programOf({ hosts, vms, start, dimensions, limits, apart, ways, vmKind, hostKind }: Problem): string {
  const x = (vm: number, host: number): string => `x${vm}_${host}`
  const mayBe = (vm: number, host: number): boolean => {
    const way = ways[vmKind[vm] ?? 0]?.[hostKind[host] ?? 0]
    return start[vm] === host || (way !== undefined && 'kind' in way)
  }
  const sum = (host: number, amount: (vm: number) => number): string =>
    vms.map((_, vm) => `${amount(vm)} ${x(vm, host)}`).join(' + ')
  const lines = [
    ...vms.map((_, vm) => `${hosts.map((_unused, host) => x(vm, host)).join(' + ')} = 1`),
    ...vms.flatMap((_, vm) => hosts.flatMap((_unused, host) => (mayBe(vm, host) ? [] : [`${x(vm, host)} = 0`]))),
    ...limits.flatMap(({ use, most }) =>
      hosts.map((_, host) => `${sum(host, (vm) => use[vm] ?? 0)} <= ${most[host] ?? 0}`),
    ),
    ...apart.flatMap((set) => hosts.map((_, host) => `${set.vms.map((vm) => x(vm, host)).join(' + ')} <= 1`)),
    ...dimensions.flatMap(({ base, capacity, load }, d) =>
      hosts.map(
        (_, host) => `${sum(host, (vm) => load[vm] ?? 0)} - ${capacity[host] ?? 1} z${d} <= ${-(base[host] ?? 0)}`,
      ),
    ),
  ]
  const goal = dimensions.map(({ peakWeight }, d) => `${peakWeight} z${d}`).join(' + ')
  const binary = vms.flatMap((_, vm) => hosts.map((_unused, host) => x(vm, host)))
  return [
    'Minimize',
    ` obj: ${goal}`,
    'Subject To',
    ...lines.map((line, at) => ` c${at}: ${line}`),
    'Binary',
    ` ${binary.join(' ')}`,
    'End',
    '',
  ].join('\n')
}
