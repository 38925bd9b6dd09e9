import path from 'node:path'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'

import { arrayKindForms } from './array/array-kind.js'
import { labStatus, printStatus } from './lab-status.js'
import { openLab, removeLab, startLab, type Lab } from './lab.js'
import { readLabState } from './lab-state.js'

const usage = `Hypervisors on this one machine, for trying things out. Needs root.

Usage: npm run lab -- up HOSTS GUESTS       start them; ready when all guests obey
       npm run lab -- status                what is there, and where
       npm run lab -- migrate GUEST HOST    move a guest, live
       npm run lab -- tell GUEST COMMAND    such as: write vda 64, load write vda 4096, unload vda
       npm run lab -- array NAME [KEY=VALUE,…]   what a write-back array is in truth, and its parameters: drain=4e6, freeze=5000
       npm run lab -- down                  end everything and remove every trace

  --dir DIR       state of the lab (${defaultDirectory()})
  --disks MIB,…   sizes of each guest's disks, on an array each (256)
  --array KIND    what the array of the first disks is made of; once more for that of the second ones, and so on (plain):
                  ${arrayKindForms}
  --host-lun MIB  a LUN on each array for each host itself
  --seed TEXT     ids follow from it
  --json          for programs
`

function defaultDirectory(): string {
  return path.join(tmpdir(), 'headroom-lab')
}

class UsageError extends Error {}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      dir: { type: 'string', default: defaultDirectory() },
      disks: { type: 'string', default: '256' },
      array: { type: 'string', multiple: true, default: [] },
      'host-lun': { type: 'string' },
      seed: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const [verb, ...words] = positionals
  const dir = path.resolve(values.dir)
  const say = (text: string): void => {
    if (!values.json) console.log(text)
  }
  const show = async (lab: Lab): Promise<void> => {
    const status = await labStatus(lab)
    console.log(values.json ? JSON.stringify(status) : printStatus(status))
  }
  if (values.help || verb === undefined) {
    console.log(usage)
    return values.help ? 0 : 2
  }
  switch (verb) {
    case 'up':
      return up(dir, words, { ...values, hostLun: values['host-lun'], say, show })
    case 'status': {
      await show(await opened(dir))
      return 0
    }
    case 'migrate': {
      const lab = await opened(dir)
      const [guest, host] = [needed(words[0], 'GUEST'), needed(words[1], 'HOST')]
      const done = await lab.migrate(lab.guest(guest), lab.host(host))
      console.log(
        values.json ? JSON.stringify(done) : `${guest} moved from ${done.from} to ${done.to} in ${done.tookMs} ms`,
      )
      return 0
    }
    case 'tell': {
      const lab = await opened(dir)
      const [guest, ...command] = words
      const answers = await lab.guest(needed(guest, 'GUEST')).tell(needed(command.join(' '), 'COMMAND'))
      console.log(values.json ? JSON.stringify(answers) : answers.join('\n'))
      return 0
    }
    case 'array': {
      const lab = await opened(dir)
      const [name, parameters] = [needed(words[0], 'NAME'), words[1]]
      const control = lab.arrays.find((array) => array.name === name)?.control
      if (control === undefined) throw new UsageError(`${name} is no write-back array of this lab`)
      if (parameters !== undefined) await control.set(parameters)
      console.log(JSON.stringify(await control.truth(), undefined, values.json ? 0 : 2))
      return 0
    }
    case 'down':
      say((await removeLab(dir)) ? 'gone' : `no lab in ${dir}`)
      return 0
    default:
      throw new UsageError(`unknown: ${verb}`)
  }
}

interface UpOptions {
  readonly disks: string
  readonly array: readonly string[]
  readonly hostLun: string | undefined
  readonly seed?: string | undefined
  readonly say: (text: string) => void
  readonly show: (lab: Lab) => Promise<void>
}

async function up(dir: string, words: readonly string[], options: UpOptions): Promise<number> {
  const { disks, array, hostLun, seed, say, show } = options
  const [hosts, guests] = [numberOf(words[0], 'HOSTS'), numberOf(words[1], 'GUESTS')]
  const there = await openLab(dir)
  if (there !== undefined) {
    say(`There is a lab in ${dir} already; \`down\` ends it.`)
    await show(there)
    return 1
  }
  // What a killed lab left behind.
  if ((await readLabState(dir)) !== undefined) await removeLab(dir)
  let interrupted = false
  const interrupt = (): void => {
    interrupted = true
    say('ending what was started')
    removeLab(dir).then(
      () => process.exit(130),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  const began = performance.now()
  try {
    const lab = await startLab({
      hosts,
      guests,
      disksMiB: disks.split(',').map((size) => numberOf(size, '--disks')),
      arrays: array,
      ...(hostLun === undefined ? {} : { hostLunMiB: numberOf(hostLun, '--host-lun') }),
      dir,
      life: 'free',
      onProgress: say,
      ...(seed === undefined ? {} : { seed }),
    })
    say(`up in ${((performance.now() - began) / 1000).toFixed(1)} s`)
    await show(lab)
    return 0
  } catch (error) {
    // A lab that is being removed under our feet fails somewhere; the interruption ends this process when it is gone.
    if (!interrupted) throw error
    return 130
  }
}

async function opened(dir: string): Promise<Lab> {
  const lab = await openLab(dir)
  if (lab === undefined) throw new UsageError(`no lab in ${dir}: npm run lab -- up HOSTS GUESTS`)
  return lab
}

function needed(word: string | undefined, name: string): string {
  if (word === undefined || word === '') throw new UsageError(`${name} is missing`)
  return word
}

function numberOf(word: string | undefined, name: string): number {
  const text = needed(word, name)
  if (!/^\d{1,6}$/.test(text)) throw new UsageError(`${name}: expected a number, got ${text}`)
  return Number(text)
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    const isUsage = error instanceof UsageError || error instanceof RangeError
    console.error(error instanceof Error ? error.message : String(error))
    process.exitCode = isUsage ? 2 : 1
  },
)
