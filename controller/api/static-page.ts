import fastifyStatic from '@fastify/static'
import type { FastifyReply, FastifyRequest } from 'fastify'

import type { ApiApp } from './app.js'
import { ApiError } from './errors.js'
import { wantsPage } from './guard.js'

/**
 * Serves the built page. Files under `assets/` carry a hash of their content in their name and never change; the others are asked for again
 * each time. A page path that is no file is the page itself, which shows what the path names.
 */
export async function addStaticPage(app: ApiApp, directory: string | undefined): Promise<void> {
  if (directory !== undefined) {
    await app.register(fastifyStatic, {
      root: directory,
      dotfiles: 'ignore',
      schemaHide: true,
      cacheControl: false,
      redirect: false,
      setHeaders: (reply, path) => {
        const hashed = path.startsWith(`${directory}/assets/`)
        void reply.header('cache-control', hashed ? 'private, max-age=31536000, immutable' : 'no-cache')
      },
    })
  }
  app.setNotFoundHandler((request: FastifyRequest, reply: FastifyReply) => {
    if (directory !== undefined && wantsPage(request)) return reply.sendFile('index.html')
    throw new ApiError('route-unknown', `no route ${request.method} ${(request.url.split('?')[0] ?? '').slice(0, 200)}`)
  })
}
