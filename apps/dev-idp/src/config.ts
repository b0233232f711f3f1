import { z } from 'zod'

const flag = z.enum(['0', '1']).default('0').transform((value) => value === '1')

/** Settings of the development IdP. */
export const configSchema = z.object({
  SALLYPORT_ISSUER_HOST: z.string().default('127.0.0.1'),
  /** 0 for any free port. */
  SALLYPORT_ISSUER_PORT: z.coerce.number().int().min(0).max(65535).default(7301),
  /** URL by which clients know the issuer, when it differs from where it listens (a container's name). */
  SALLYPORT_ISSUER_URL: z.url().optional(),
  /** Further `host:port`s by which it may be asked, comma-separated: a container's name. */
  SALLYPORT_ISSUER_HOSTS: z.string().default('').transform((text) => text.split(',').filter((each) => each !== '')),
  /** Directory that keeps the signing key between runs; without it there is a new key at each start. */
  SALLYPORT_DATA_DIR: z.string().optional(),
  /**
   * 1 lets it listen on other addresses than loopback. Its secrets are public knowledge: whoever can reach it can be anybody.
   * Only for the network of a compose file or the like, that nothing else can reach.
   */
  SALLYPORT_DEV_IDP_INSECURE_BIND: flag,
})
