import { chmod, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * A script in place of storcli for one controller with one virtual drive. Its answers are hand-written after the StorCLI Reference Manual
 * and public reports of what storcli64 7 prints: no controller is here. It prints what the file beside it holds.
 */
export interface StorcliScript {
  readonly program: string
  /** From now on the battery is in this state, as the tool has it: `Optimal`, `Failed`. */
  setBattery(state: string): Promise<void>
}

/** @param device name of the disk that the system has of the virtual drive: `sda` */
export async function storcliScript(directory: string, device: string): Promise<StorcliScript> {
  const [program, answers] = [join(directory, 'storcli64'), join(directory, 'storcli-answers')]
  const setBattery = async (state: string): Promise<void> => {
    const [controllers, drives] = [answer(controller(state)), answer(virtualDrive(device))]
    const text = `case "$1" in
  /call) cat <<'END'
${controllers}
END
  ;;
  /call/vall) cat <<'END'
${drives}
END
  ;;
  *) cat <<'END'
${answer({})}
END
esac
`
    // In one step: it may be run at any moment.
    await writeFile(`${answers}.new`, text)
    await rename(`${answers}.new`, answers)
  }
  await setBattery('Optimal')
  await writeFile(program, `#!/bin/sh\n. '${answers}'\n`)
  await chmod(program, 0o755)
  return { program, setBattery }
}

function answer(data: object): string {
  const status = { Controller: 0, Status: 'Success', Description: 'None' }
  return JSON.stringify({ Controllers: [{ 'Command Status': status, 'Response Data': data }] })
}

/** Some firmware goes on showing the policy that is configured when the battery fails, as here. */
function controller(battery: string): object {
  return {
    Basics: { Controller: 0, Model: 'PERC H730P Mini', 'Serial Number': '62H00P1' },
    Status: { 'Controller Status': battery === 'Optimal' ? 'Optimal' : 'Needs Attention' },
    BBU_Info: [{ Model: 'BBU', State: battery, RetentionTime: '0 hour(s)', Temp: '34C' }],
    'VD LIST': [
      { 'DG/VD': '0/239', TYPE: 'RAID5', State: 'Optl', Access: 'RW', Cache: 'RWBD', Size: '5.457 TB', Name: 'data' },
    ],
    'PD LIST': [],
  }
}

function virtualDrive(device: string): object {
  return {
    '/c0/v239': [{}],
    'VD239 Properties': { 'Write Cache(initial setting)': 'WriteBack', 'OS Drive Name': `/dev/${device}` },
  }
}
