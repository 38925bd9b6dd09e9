import { z } from 'zod'

import { parseConfig, size } from '../../../common/config.js'

/** What can be bought, and what it costs. */
export interface Catalog {
  readonly currency: string
  readonly hosts: readonly CatalogHost[]
  readonly memory: readonly CatalogMemory[]
}

export interface CatalogHost {
  readonly name: string
  readonly memoryBytes: number
  readonly cores: number
  readonly price: number
  /** As many can be had. */
  readonly most: number
}

/** Memory for hosts that there are. */
export interface CatalogMemory {
  readonly name: string
  readonly memoryBytes: number
  readonly price: number
  /** Patterns for names of hosts that take it. */
  readonly fits: readonly string[]
  /** As many fit into one host that takes no other kind; of several kinds each takes its share of the slots. */
  readonly perHost: number
}

const name = z.string().min(1).max(100)
const price = z.number().min(0).max(1e12)
const count = (most: number) => z.int().min(1).max(most)

const schema = z
  .strictObject({
    currency: z.string().max(10).default(''),
    hosts: z
      .array(z.strictObject({ name, memory: size, cores: count(4096), price, most: count(1000).default(10) }))
      .max(50)
      .default([]),
    memory: z
      .array(
        z.strictObject({
          name,
          memory: size,
          price,
          fits: z.array(z.string().min(1).max(200)).min(1).max(1000).default(['*']),
          perHost: count(64).default(1),
        }),
      )
      .max(50)
      .default([]),
  })
  .refine(({ hosts, memory }) => hosts.length + memory.length > 0, { error: 'hosts or memory, at least one of either' })

/** @throws ConfigError naming every problem with its line */
export function parseCatalog(text: string, file: string): Catalog {
  const { currency, hosts, memory } = parseConfig(text, schema, file)
  return {
    currency,
    hosts: hosts.map(({ memory: memoryBytes, ...rest }) => ({ ...rest, memoryBytes })),
    memory: memory.map(({ memory: memoryBytes, ...rest }) => ({ ...rest, memoryBytes })),
  }
}
