import type { Socket } from 'node:net';

/** Lets a socket read one piece, and the next one a moment later. */
export class SlowReader {
  pieces = 0;
  private readonly timer: NodeJS.Timeout;
  private readonly onPiece = () => {
    this.pieces++;
    this.socket.pause();
  };

  constructor(private readonly socket: Socket) {
    socket.pause().on('data', this.onPiece);
    this.timer = setInterval(() => socket.resume(), 3);
  }

  /** From now on it reads as it likes. */
  stop(): void {
    clearInterval(this.timer);
    this.socket.off('data', this.onPiece).resume();
  }
}
