# What runs without Node has libuv of the system.
find_library(SPILLWAY_UV_LIBRARY NAMES uv REQUIRED)
find_path(SPILLWAY_UV_INCLUDE uv.h REQUIRED)
target_include_directories(io SYSTEM PUBLIC ${SPILLWAY_UV_INCLUDE})
