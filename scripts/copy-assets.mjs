// What tsc does not do: copies the Lua scripts beside the compiled store, and makes the program executable for `npx tocsin`.
import { chmodSync, cpSync } from 'node:fs';
cpSync('src/store/lua', 'dist/store/lua', { recursive: true });
chmodSync('dist/main.js', 0o755);
