import { compareNames } from '../parts/compare-names.js'

/** How many colours there are for groups (`--group-1` …); `--group-0` is for VMs without one. */
export const groupColours = 7

/** A colour's number for each group (0: without one), the same on every view. More groups than colours share them: the name is always there too. */
export function colourByGroup(groups: Iterable<string>): ReadonlyMap<string, number> {
  const all = new Set(groups)
  const names = [...all].filter((name) => name !== '').sort((a, b) => compareNames(a, b))
  const colours = new Map(names.map((name, index) => [name, (index % groupColours) + 1]))
  return all.has('') ? colours.set('', 0) : colours
}
