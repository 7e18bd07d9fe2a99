/**
 * Proxies, as the environment has them.
 *
 * @module
 */

/** Variables that name a proxy, in upper or lower case. */
const PROXY_VARIABLES = ["http_proxy", "https_proxy", "all_proxy"];

/**
 * Whether requests to `url` may have to go through a proxy. In doubt they may: `fetch`, which is used then, reads the
 * same variables more exactly.
 *
 * @param env Gives the value of an environment variable.
 */
export function isProxied(url: string, env: (name: string) => string | undefined): boolean {
  const read = (name: string) => env(name) || env(name.toUpperCase()) || "";
  if (PROXY_VARIABLES.every((name) => read(name) === "")) return false;
  const host = URL.parse(url)?.hostname.replace(/^\[(.*)\]$/, "$1");
  const exceptions = read("no_proxy").split(",").map((name) => name.trim().toLowerCase());
  return host === undefined || !exceptions.some((name) => {
    const domain = name.replace(/^\*?\.?/, "");
    return name === "*" || domain !== "" && (host === domain || host.endsWith(`.${domain}`));
  });
}
