import { ApiError, type ApiErrorCode } from './errors.js'

interface Named {
  readonly name: string
}

/**
 * The entity of that id, or else the only one of that name. An id wins over another entity's name.
 * @throws ApiError `unknown` if there is none, name-ambiguous if several have the name
 */
export function findByIdOrName<T extends Named>(
  what: string,
  unknown: ApiErrorCode,
  entities: ReadonlyMap<string, T>,
  idOrName: string,
): T {
  const byId = entities.get(idOrName)
  if (byId !== undefined) return byId
  const byName = [...entities].filter(([, { name }]) => name === idOrName)
  const [first] = byName
  if (first === undefined) throw new ApiError(unknown, `no ${what} has the id or name ${shortened(idOrName)}`)
  if (byName.length === 1) return first[1]
  const ids = byName.map(([id]) => id)
  throw new ApiError('name-ambiguous', `${byName.length} ${what}s are named ${shortened(idOrName)}`, {
    expected: `one of the ids ${ids.slice(0, 10).join(', ')}`,
    got: shortened(idOrName),
  })
}

function shortened(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text)
}
