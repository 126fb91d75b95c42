import { invalidOption } from './errors';

/**
 * Refuses arguments beyond those that a function takes. One that was meant as a limit would else be ignored in
 * silence. Callers compare `arguments.length` themselves: that costs a call nothing, an array of the rest would.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function refuseSurplus(name: string, takes: number, given: IArguments): void {
  for (let i = takes; i < given.length; i++) {
    if (given[i] === undefined) continue;
    throw invalidOption(
      `${name} takes ${takes === 1 ? 'one argument' : `at most ${takes} arguments`}, not ${given.length}: what is more would be ignored. As a callback of map or forEach, write (id) => ${name}(id, ...).`,
    );
  }
}
