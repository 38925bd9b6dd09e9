import type { HostRaw } from '../hypervisor/hypervisor.js'
import { MalformedFile, procLines } from './proc-text.js'
import type { Collector } from './run-collectors.js'
import type { TextReader } from './text-reader.js'

/** Pressure stall totals since boot; nothing on kernels before 4.20 or with PSI switched off. */
export function psiCollector(procRoot: string, reader: TextReader): Collector {
  const stalls = (resource: string): PressureTotals => {
    const text = reader.readIfThere(`${procRoot}/pressure/${resource}`)
    return text === undefined ? {} : parsePressure(text, `/proc/pressure/${resource}`)
  }
  return {
    name: 'psi',
    collect: async () => {
      const cpu = stalls('cpu')
      const memory = stalls('memory')
      const io = stalls('io')
      return {
        ...(cpu.someSeconds === undefined ? {} : { psiCpuSomeSeconds: cpu.someSeconds }),
        ...(memory.someSeconds === undefined ? {} : { psiMemorySomeSeconds: memory.someSeconds }),
        ...(memory.fullSeconds === undefined ? {} : { psiMemoryFullSeconds: memory.fullSeconds }),
        ...(io.someSeconds === undefined ? {} : { psiIoSomeSeconds: io.someSeconds }),
        ...(io.fullSeconds === undefined ? {} : { psiIoFullSeconds: io.fullSeconds }),
      } satisfies HostRaw
    },
  }
}

export interface PressureTotals {
  readonly someSeconds?: number
  readonly fullSeconds?: number
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=1234`, microseconds, and the same of `full`. @throws MalformedFile */
export function parsePressure(text: string, file: string): PressureTotals {
  let totals: PressureTotals = {}
  for (const line of procLines(file, text)) {
    const kind = line.columns[0]
    if (kind !== 'some' && kind !== 'full') continue
    const digits = /\stotal=(\d{1,16})$/.exec(line.text)?.[1]
    if (digits === undefined) throw new MalformedFile(file, line.number, 'total= with microseconds', line.text)
    const seconds = Number(digits) / 1e6
    totals = kind === 'some' ? { ...totals, someSeconds: seconds } : { ...totals, fullSeconds: seconds }
  }
  return totals
}
