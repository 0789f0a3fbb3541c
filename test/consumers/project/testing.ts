// What a user's tests may write: `brownout/testing` needs no test runner.
import { manualClock } from 'brownout/testing';

const clock = manualClock();
console.log(`${clock.nowMs()} ms`);
