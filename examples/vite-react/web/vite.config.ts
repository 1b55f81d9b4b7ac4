import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// Where `webipc dev main.py` listens.
const python = process.env.PYTHON_SERVER ?? 'http://127.0.0.1:8000'

export default defineConfig({
  plugins: [react()],
  server: { proxy: { '/ipc/': { target: python, ws: true } } },
})
