// What a page writes into its HTML; here the test says it in the address, because it chooses the ports.
const asked = new URLSearchParams(location.search)
const meta = document.createElement('meta')
meta.name = 'webipc-hosts'
meta.content = asked.get('hosts') ?? ''
document.head.append(meta)
