#error "The core knows no Node-API: this include belongs into binding."
