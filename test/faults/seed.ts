/** Of which keys are asked in which order; SPILLWAY_SEED=n plays those of another run again. */
export const SEED = Number(process.env.SPILLWAY_SEED ?? Math.floor(Math.random() * 1_000_000));
