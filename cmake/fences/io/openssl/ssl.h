#error "The domain knows no loop, no socket and no Redis: this include belongs into src/io."
