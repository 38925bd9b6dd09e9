import type { StateStore, StateTable, Tx } from '../../controller/store/state-store.js'

/** A test double of the state store: rows in maps, as JSON text like the real one, gone with the process. */
export class MapStateStore implements StateStore {
  #rows = new Map<string, string>()
  #last: Promise<unknown> = Promise.resolve()

  tx<T>(work: (t: Tx) => Promise<T>): Promise<T> {
    const result = this.#last.then(async () => {
      const rows = new Map(this.#rows)
      const value = await work(rowsTx(rows))
      this.#rows = rows
      return value
    })
    this.#last = result.catch(() => undefined)
    return result
  }

  async close(): Promise<void> {
    await this.#last
  }
}

function rowsTx(rows: Map<string, string>): Tx {
  const id = (table: StateTable, key: string): string => `${table}/${key}`
  return {
    get: async (table, key) => {
      const text = rows.get(id(table, key))
      return text === undefined ? undefined : JSON.parse(text)
    },
    put: async (table, key, value) => {
      rows.set(id(table, key), JSON.stringify(value))
    },
    delete: async (table, key) => {
      rows.delete(id(table, key))
    },
    list: async (table) =>
      [...rows]
        .filter(([key]) => key.startsWith(`${table}/`))
        .map(([key, text]) => ({ key: key.slice(table.length + 1), value: JSON.parse(text) as unknown }))
        .sort((a, b) => (a.key < b.key ? -1 : 1)),
  }
}
