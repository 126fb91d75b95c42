# OpenSSL's headers, and nothing to link: the functions are those in the node binary, found while it runs. Node's own
# headers are the right ones; a Node of a distribution leaves them to the distribution's package. They are seen through a
# link, because the folder beside them holds a uv.h that may not be the one to use.
if(NOT SPILLWAY_NODE_INCLUDE)
  find_program(SPILLWAY_NODE node)
  if(SPILLWAY_NODE)
    get_filename_component(node_binary ${SPILLWAY_NODE} REALPATH)
    get_filename_component(node_folder ${node_binary} DIRECTORY)
  endif()
endif()
find_path(SPILLWAY_OPENSSL_INCLUDE openssl/ssl.h
  HINTS ${SPILLWAY_NODE_INCLUDE} ${node_folder}/../include/node /usr/include/node)
if(NOT SPILLWAY_OPENSSL_INCLUDE)
  message(FATAL_ERROR "OpenSSL's headers (openssl/ssl.h) are in neither Node's headers nor the system's.")
endif()
set(SPILLWAY_OPENSSL_DIR ${CMAKE_BINARY_DIR}/openssl)
file(MAKE_DIRECTORY ${SPILLWAY_OPENSSL_DIR})
file(CREATE_LINK ${SPILLWAY_OPENSSL_INCLUDE}/openssl ${SPILLWAY_OPENSSL_DIR}/openssl SYMBOLIC)
