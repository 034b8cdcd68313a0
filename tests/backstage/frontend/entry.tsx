// Backstage's web UI from published packages: the catalog and the scaffolder, nothing of ours.
import { createApp } from '@backstage/frontend-defaults';
import catalogPlugin from '@backstage/plugin-catalog/alpha';
import scaffolderPlugin from '@backstage/plugin-scaffolder/alpha';
import '@backstage/ui/css/styles.css';
import ReactDOM from 'react-dom/client';

const app = createApp({ features: [catalogPlugin, scaffolderPlugin] });

ReactDOM.createRoot(document.getElementById('root')!).render(app.createRoot());
