import { CliError } from './cli-error.js'
import type { Shell } from './shell.js'

/**
 * Asks a person; true only for the word `yes`.
 * @throws CliError (usage) where nobody can be asked
 */
export async function confirmed({ stdin, stdout }: Shell, question: string): Promise<boolean> {
  if (!stdin.isTTY) throw new CliError('usage', 'nobody can be asked here', '--yes goes on without asking')
  stdout.write(`${question}? Type yes: `)
  const answer = await new Promise<string>((resolve) => {
    const heard = (data: Buffer): void => {
      stdin.off('data', heard)
      stdin.pause()
      resolve(data.toString())
    }
    stdin.on('data', heard)
    stdin.resume()
  })
  return answer.trim() === 'yes'
}
