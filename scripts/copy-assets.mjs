// Copies what tsc does not: the Lua scripts beside the compiled store.
import { cpSync } from 'node:fs';
cpSync('src/store/lua', 'dist/store/lua', { recursive: true });
