/** Of this package, as its package.json says. */
export const CABILDO_VERSION = "0.1.0";
