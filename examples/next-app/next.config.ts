import type { NextConfig } from 'next';
import { withSpillway } from 'spillway/next';

const config: NextConfig = {
  // This folder is the whole project, although another lock file lies further up.
  outputFileTracingRoot: __dirname,
};

export default withSpillway(config);
