package std

// ProxyFor is asked without a connection.
var ProxyFor = proxyFor
