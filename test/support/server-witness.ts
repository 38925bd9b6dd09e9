/**
 * What a server has, asked over plain HTTP past everything of the program: time in ms and value of each sample of `cpuCores` of one VM.
 * Samples that are there twice come twice.
 */
export type Witness = (uuid: string) => Promise<(readonly [atMs: number, value: number])[]>

export function influxWitness(url: string, database: string): Witness {
  return async (uuid) => {
    const query = new URLSearchParams({
      db: database,
      epoch: 'ms',
      q: `SELECT "cpuCores" FROM "raw"."vm" WHERE "uuid" = '${uuid}'`,
    })
    const answer = await fetch(`${url}/query?${query.toString()}`)
    const body: { results: { series?: { values: [number, number][] }[]; error?: string }[] } = JSON.parse(
      await answer.text(),
    )
    const [result] = body.results
    if (result?.error !== undefined) throw new Error(result.error)
    return result?.series?.[0]?.values ?? []
  }
}

/** With what is not deduplicated yet, if there were any. */
export function victoriaWitness(url: string, database: string): Witness {
  return async (uuid) => {
    // What it has taken is shown at once.
    await fetch(`${url}/internal/force_flush`)
    const query = new URLSearchParams({ 'match[]': `vm_cpuCores{db="${database}",uuid="${uuid}"}` })
    const answer = await fetch(`${url}/api/v1/export?${query.toString()}`)
    const lines = (await answer.text()).split('\n').filter((line) => line !== '')
    return lines.flatMap((line) => {
      const series: { values: number[]; timestamps: number[] } = JSON.parse(line)
      return series.timestamps.map((atMs, index) => [atMs, series.values[index] ?? NaN] as const)
    })
  }
}
