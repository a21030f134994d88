// Addresses as users write them: `host:port`, an IPv6 host in brackets. What
// they resolve to is not asked here.

const PORT_OF_HTTP = 80;

/** The host, without brackets, and the port of an address. */
export function hostAndPort(
  address: string,
): { readonly hostname: string; readonly port: number } {
  const { hostname, port } = new URL(`ws://${address}`);
  // Brackets are of the notation, not of the address.
  return {
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port || PORT_OF_HTTP),
  };
}

/** The address of a host and a port. */
export function addressText(hostname: string, port: number): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
