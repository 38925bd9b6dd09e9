import { groupBy } from '../../common/group-by.js'
import { patternTest } from '../../common/pattern.js'

/** Names that begin alike and end in numbers. */
export interface Family {
  readonly stem: string
  readonly pattern: string
  readonly names: readonly string[]
}

/**
 * Sorts names into families (`web1`, `web-02`: `web*`) and single ones. A pattern that would match another name as well makes no family.
 * @param all every name that the pattern could meet
 */
export function stems(
  names: readonly string[],
  all: ReadonlySet<string> = new Set(names),
): { readonly families: readonly Family[]; readonly single: readonly string[] } {
  const families: Family[] = []
  const single: string[] = []
  for (const [stem, members] of groupBy(names, stemOf)) {
    const pattern = `${stem}*`
    const own = new Set(members)
    const test = patternTest(pattern)
    const isAlone = stem === '' || own.size < 2 || [...all].some((name) => test(name) && !own.has(name))
    if (isAlone) single.push(...members)
    else families.push({ stem: stem.replace(/[-_.]+$/, ''), pattern, names: members })
  }
  return { families, single }
}

/** `web-` of `web-02`; a name without a number at its end has no family. */
function stemOf(name: string): string {
  return /^(.*?\D)\d+$/.exec(name)?.[1] ?? ''
}
